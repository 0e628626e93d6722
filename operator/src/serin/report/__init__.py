"""Reports on PromotionRecords: objects in, text out. Reads no file, no cluster and no clock.

``facts`` takes from a record what may be told (the incident bundle), ``incident`` and ``weekly`` arrange it as a
document, ``form`` writes a document as Markdown or as one page of HTML. What is not in the bundle is in no report.
"""

from __future__ import annotations
