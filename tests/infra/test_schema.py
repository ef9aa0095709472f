"""The custom resource that deploys the schema: when it runs, and its order."""

from __future__ import annotations

from typing import Any

from dataforge.postgres.ddl import fingerprint

Resources = dict[str, dict[str, dict[str, Any]]]


def resource(resources: Resources) -> dict[str, Any]:
    (found,) = resources["Custom::DataForgeSchema"].values()
    return found


def test_schema_is_deployed_when_catalogue_database_or_authentication_changes(
    dev: Resources, by_secret: Resources
) -> None:
    properties = resource(dev)["Properties"]
    assert properties["Fingerprint"] == fingerprint()
    assert properties["Host"]["Fn::GetAtt"][1] == "Endpoint.Address"
    assert (properties["Auth"], resource(by_secret)["Properties"]["Auth"]) == ("iam", "secret")


def test_custom_resource_calls_the_schema_deployer_with_a_time_out(dev: Resources) -> None:
    properties = resource(dev)["Properties"]
    assert properties["ServiceToken"]["Fn::GetAtt"][0].startswith("SchemaSchemaKeeper")
    assert properties["ServiceTimeout"] == "900"


def test_time_outs_nest_so_that_the_innermost_is_the_one_reported(dev: Resources) -> None:
    seconds = {key[:-8]: f["Properties"]["Timeout"] for key, f in dev["AWS::Lambda::Function"].items()}
    limit = int(resource(dev)["Properties"]["ServiceTimeout"])
    assert seconds["SchemaSchemaApply"] < seconds["SchemaSchemaKeeper"] < limit


def test_failed_schema_deployer_is_not_retried_by_lambda(dev: Resources) -> None:
    configs = dev["AWS::Lambda::EventInvokeConfig"].values()
    (deployer,) = (c["Properties"] for c in configs if "SchemaKeeper" in str(c["Properties"]["FunctionName"]))
    assert deployer["MaximumRetryAttempts"] == 0


def test_schema_deployer_has_the_time_out_of_the_applier(dev: Resources) -> None:
    functions = {key[:-8]: f["Properties"] for key, f in dev["AWS::Lambda::Function"].items()}
    seconds = functions["SchemaSchemaKeeper"]["Environment"]["Variables"]["APPLY_SECONDS"]
    assert int(seconds) == functions["SchemaSchemaApply"]["Timeout"]
    assert int(seconds) + 30 < functions["SchemaSchemaKeeper"]["Timeout"]


def test_schema_is_created_after_database_network_and_permissions(dev: Resources) -> None:
    before = " ".join(resource(dev)["DependsOn"])
    for needed in (
        "DatabasePostgres",
        "DatabaseGroupfrom",
        "NetworkFunctionsto",
        "SchemaSchemaApply",
        "SchemaSchemaKeeperRoleDefaultPolicy",
    ):
        assert needed in before


def test_schema_is_created_before_the_functions_that_need_it(dev: Resources) -> None:
    (schema,) = dev["Custom::DataForgeSchema"]
    for key, function in dev["AWS::Lambda::Function"].items():
        logs_in = "VpcConfig" in function["Properties"] and not key.startswith("Schema")
        assert (schema in function.get("DependsOn", ())) == logs_in


def test_plan_is_a_property_of_the_custom_resource_only_if_the_settings_have_one(
    templates: dict[str, dict[str, Any]],
) -> None:
    plans = {
        variant: found["Properties"].get("Plan")
        for variant, template in templates.items()
        for found in template["Resources"].values()
        if found["Type"] == "Custom::DataForgeSchema"
    }
    assert plans == {
        "dev": None,
        "prod": None,
        "local": None,
        "existing": "0123456789abcdef.0123456789abcdef",
    }
