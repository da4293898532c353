# Arrow makes its compute functions when it is imported, so no checker sees them: each takes and gives arrays or scalars.
from typing import Any

def __getattr__(name: str) -> Any: ...
