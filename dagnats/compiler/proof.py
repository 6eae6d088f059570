"""What is proven before a run: that it is bounded, that it has time to end, and what it costs."""

from dagnats.compiler.certify import certify
from dagnats.compiler.effects import report_idle_keys
from dagnats.compiler.feasible import check_time
from dagnats.compiler.ground import Ground
from dagnats.compiler.liveness import check_liveness
from dagnats.compiler.outputs import Lookup
from dagnats.compiler.starving import Emitted, check_starving
from dagnats.diagnostics.diagnostic import Sink
from dagnats.ir.program import Certificate


def prove(
    ground: Ground,
    sink: Sink,
    workflows: Lookup | None = None,
    emitted: Emitted | None = None,
) -> Certificate | None:
    """Return the certificate, None where there is none; reports all of DN6 and DN7."""
    report_idle_keys(ground.outline, sink)
    check_liveness(ground, sink)
    check_time(ground, sink)
    check_starving(ground, sink, emitted)
    return certify(ground, sink, workflows)
