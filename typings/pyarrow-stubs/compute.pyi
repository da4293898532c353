# Arrow makes its compute functions when it is imported, so no checker sees them. Each takes arrays or scalars.
from typing import Any

def __getattr__(name: str) -> Any: ...
