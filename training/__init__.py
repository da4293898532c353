"""Data sets to weights: read, train, calibrate, export, evaluate. Outside the package that users install."""
