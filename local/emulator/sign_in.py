"""Check the tokens with which functions sign in to PostgreSQL, and `rds-db:connect`, for the process in front of it.

The emulator checks tokens for MySQL in a container only. It is asked on a socket that only the owner of the state folder can
reach.
"""

import json
import socketserver
import threading
from dataclasses import replace
from pathlib import Path

from ministack.core import rds_iam
from ministack.core.responses import get_account_id, get_region
from ministack.services import rds

from local.emulator.anchors import require
from local.emulator.database import is_postgres
from local.emulator.iam import sessions
from local.emulator.iam.authorize import Denied, authorize
from local.emulator.signatures import Credential


def apply(socket: Path) -> None:
    """Answer on the socket: a line with user and token, a line with the reason of a refusal, or ""."""
    require("sign_in", rds_iam, "verify_rds_iam_token", "VerifiedRdsToken")
    require("sign_in", rds, "_instances")
    socket.unlink(missing_ok=True)  # of an emulator that was killed
    server = socketserver.ThreadingUnixStreamServer(str(socket), _Asked)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()


class _Asked(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        refused = refusal(asked["user"], asked["token"])
        self.wfile.write(json.dumps({"refused": refused}).encode() + b"\n")


def refusal(user: str, token: str) -> str:
    """Why RDS refuses the token for the database user, or ""."""
    reasons = []
    for instance in list(rds._instances.values()):
        if is_postgres(instance):
            reason = _refusal(instance, user, token)
            if not reason:
                return ""
            reasons.append(reason)
    return reasons[0] if reasons else "no database instance exists"


def _refusal(instance: dict[str, object], user: str, token: str) -> str:
    if instance["IAMDatabaseAuthenticationEnabled"] is not True:
        return "IAM authentication is not enabled for the instance"
    account, region, endpoint = get_account_id(), get_region(), instance["Endpoint"]
    verified = rds_iam.verify_rds_iam_token(
        token,
        hostname=endpoint["Address"],  # type: ignore[index]
        port=endpoint["Port"],  # type: ignore[index]
        db_user=user,
        region=region,
        account_id=account,
    )
    if not isinstance(verified, rds_iam.VerifiedRdsToken):
        return str(verified.code)
    resource = f"arn:aws:rds-db:{region}:{account}:dbuser:{instance['DbiResourceId']}/{user}"
    held = Credential("", verified.principal_arn, verified.access_key_id)
    # RDS asks IAM itself, so no endpoint of the function's VPC is involved.
    caller = replace(sessions.caller(held), subnets=())
    try:
        authorize(caller, "rds-db:connect", resource)
    except Denied as error:
        return str(error)
    return ""
