"""What the passes that judge a workflow know of it, side by side."""

from msgspec import Struct

from dagnats.compiler.edges import Graph
from dagnats.compiler.endings import Views
from dagnats.compiler.naming import Names
from dagnats.compiler.outline import Outline
from dagnats.compiler.reads import Reads
from dagnats.compiler.spots import Spot
from dagnats.lang.tree import Workflow


class Tables(Struct, frozen=True, kw_only=True):
    """The side tables of a workflow. Steps go by their number in `outline`.

    `document` are the expressions of the document itself, in the order of `reads.of_document`.
    """

    workflow: Workflow
    outline: Outline
    names: Names
    graph: Graph
    views: Views
    document: tuple[Spot, ...]
    reads: Reads
