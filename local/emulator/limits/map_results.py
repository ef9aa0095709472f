"""Write the results of a Distributed Map to S3 if the state has a ResultWriter, as Step Functions does.

The emulator returns them as the state's output, which then could exceed 256 KiB.
"""

import json
from typing import Any

from ministack.services import stepfunctions

from local.emulator import map_runs
from local.emulator.anchors import require

MOST_CONCURRENT = 10_000


def apply() -> None:
    """All results are in one file; Step Functions begins a new one after 5 GB."""
    require("limits.map_results", stepfunctions, "_run_distributed_map", "_map_runs", "_resolve_params_obj")
    require("limits.map_results", stepfunctions, "_apply_result_path", "_apply_output_path", "_executions")
    run = stepfunctions._run_distributed_map

    def run_and_write(
        state: dict[str, Any], given: Any, effective: Any, iterator: Any, execution: Any, context: Any
    ) -> Any:
        if int(state.get("MaxConcurrency") or 0) > MOST_CONCURRENT:
            raise stepfunctions._ExecutionError("States.Runtime", "MaxConcurrency exceeds 10,000.")
        writer = state.get("ResultWriter")
        if not writer:
            return run(state, given, effective, iterator, execution, context)
        before = set(stepfunctions._map_runs)
        bare = {name: value for name, value in state.items() if name not in _OF_THE_RESULT}
        _, following = run(bare, given, effective, iterator, execution, context)
        (arn,) = (
            arn
            for arn in set(stepfunctions._map_runs) - before
            if stepfunctions._map_runs[arn]["executionArn"] == execution["executionArn"]
        )
        place = stepfunctions._resolve_params_obj(writer["Parameters"], effective, context)
        result = stepfunctions._apply_result_selector(state, _written(arn, place))
        output = stepfunctions._apply_result_path(state, given, result)
        return stepfunctions._apply_output_path(state, output, context), following

    stepfunctions._run_distributed_map = run_and_write


_OF_THE_RESULT = ("ResultSelector", "ResultPath", "OutputPath")


def _written(arn: str, place: dict[str, str]) -> dict[str, Any]:
    """Write the manifest and the results; returns what the state's result is."""
    folder = "/".join(part for part in (place.get("Prefix", ""), arn.rpartition(":")[2]) if part)
    children = [one for one in stepfunctions._executions.values() if one.get("mapRunArn") == arn]
    results = [
        {
            "ExecutionArn": one["executionArn"],
            "Input": one["input"],
            "Name": one["name"],
            "Output": one["output"],
            "StartDate": one["startDate"],
            "StateMachineArn": one["stateMachineArn"],
            "Status": one["status"],
            "StopDate": one["stopDate"],
        }
        for one in children
    ]
    file = {"Key": f"{folder}/SUCCEEDED_0.json", "Size": len(json.dumps(results))}
    manifest = {
        "DestinationBucket": place["Bucket"],
        "MapRunArn": arn,
        "ResultFiles": {"FAILED": [], "PENDING": [], "SUCCEEDED": [file]},
    }
    map_runs._put_object({"Bucket": place["Bucket"], "Key": file["Key"], "Body": results})
    map_runs._put_object({"Bucket": place["Bucket"], "Key": f"{folder}/manifest.json", "Body": manifest})
    details = {"Bucket": place["Bucket"], "Key": f"{folder}/manifest.json"}
    return {"MapRunArn": arn, "ResultWriterDetails": details}
