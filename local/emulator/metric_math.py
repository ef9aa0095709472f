"""Record alarms on expressions over several metrics, without data.

The emulator refuses such an alarm, and with it the deployment. No alarm of this app can be triggered there: functions write
their metrics to the log, and the emulator creates no metrics from it.
"""

from typing import Any

from ministack.services.cloudformation import provisioners

from local.emulator.anchors import require


def apply() -> None:
    """Record the alarm under a metric that nothing emits, named like the expression."""
    require("metric_math", provisioners, "_cw_metric_alarm_record")
    original = provisioners._cw_metric_alarm_record

    def record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        if "Metrics" in properties:
            properties = {**properties, "Namespace": "MetricMath", "MetricName": _expression(properties)}
            del properties["Metrics"]
        alarm: dict[str, Any] = original(name, properties)
        return alarm

    provisioners._cw_metric_alarm_record = record


def _expression(properties: dict[str, Any]) -> str:
    return next(str(metric["Expression"]) for metric in properties["Metrics"] if "Expression" in metric)
