"""Settings that an owner can set on a database or role, each with its worst value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dataforge.postgres.roles import LOGINS

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

HOSTILE = {
    "client_encoding": "'LATIN1'",
    "datestyle": "'SQL, DMY'",
    "intervalstyle": "'iso_8601'",
    "timezone": "'Asia/Tokyo'",
    "timezone_abbreviations": "'India'",
    "extra_float_digits": "-15",
    "bytea_output": "'escape'",
    "quote_all_identifiers": "on",
    "xmlbinary": "'hex'",
    "xmloption": "'document'",
    "lc_monetary": "'C.utf8'",
    "lc_numeric": "'C.utf8'",
    "lc_time": "'C.utf8'",
    "search_path": "'nowhere'",
    "row_security": "on",
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "escape_string_warning": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "gin_fuzzy_search_limit": "1",
    "check_function_bodies": "off",
    "createrole_self_grant": "'set, inherit'",
    "restrict_nonsystem_relation_kind": "'view'",
    "default_table_access_method": "'nothing'",
    "default_tablespace": "'nowhere'",
    "temp_tablespaces": "'nowhere'",
    "default_transaction_isolation": "'serializable'",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "synchronous_commit": "off",
    "exit_on_error": "on",
    "client_min_messages": "'error'",
    "debug_print_parse": "on",
    "debug_print_rewritten": "on",
    "debug_print_plan": "on",
    "log_parameter_max_length_on_error": "-1",
}

_CONNECTIONS_OWN_TEXT = """
    application_name statement_timeout lock_timeout idle_in_transaction_session_timeout idle_session_timeout
    transaction_timeout tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout
"""
CONNECTIONS_OWN = set(_CONNECTIONS_OWN_TEXT.split())
"""Specified with each connection."""

_LEFT_ALONE_TEXT = """
    backend_flush_after client_connection_check_interval commit_siblings constraint_exclusion
    cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction
    debug_logical_replication_streaming debug_parallel_query debug_pretty_print default_statistics_target
    default_text_search_config default_toast_compression effective_cache_size effective_io_concurrency
    enable_async_append enable_bitmapscan enable_distinct_reordering enable_gathermerge
    enable_group_by_reordering enable_hashagg enable_hashjoin enable_incremental_sort enable_indexonlyscan
    enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop enable_parallel_append
    enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate enable_partitionwise_join
    enable_presorted_aggregate enable_self_join_elimination enable_seqscan enable_sort enable_tidscan
    file_copy_method from_collapse_limit geqo geqo_effort geqo_generations geqo_pool_size geqo_seed
    geqo_selection_bias geqo_threshold gin_pending_list_limit hash_mem_multiplier icu_validation_level
    ignore_system_indexes io_combine_limit jit jit_above_cost jit_expressions jit_inline_above_cost
    jit_optimize_above_cost jit_tuple_deforming join_collapse_limit local_preload_libraries
    logical_decoding_work_mem maintenance_io_concurrency maintenance_work_mem
    max_parallel_maintenance_workers max_parallel_workers max_parallel_workers_per_gather
    md5_password_warnings min_parallel_index_scan_size min_parallel_table_scan_size
    parallel_leader_participation parallel_setup_cost parallel_tuple_cost password_encryption plan_cache_mode
    post_auth_delay random_page_cost recursive_worktable_factor scram_iterations seq_page_cost
    stats_fetch_consistency synchronize_seqscans temp_buffers trace_notify trace_sort transaction_deferrable
    transaction_isolation transaction_read_only vacuum_buffer_usage_limit vacuum_cost_delay vacuum_cost_limit
    vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss vacuum_failsafe_age
    vacuum_freeze_min_age vacuum_freeze_table_age vacuum_max_eager_freeze_failure_rate
    vacuum_multixact_failsafe_age vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age
    vacuum_truncate wal_sender_timeout wal_skip_threshold work_mem
"""
LEFT_ALONE = set(_LEFT_ALONE_TEXT.split())
"""They cost time or memory, or concern another kind of session. A transaction's own three start from their defaults."""


@contextmanager
def hostile_settings(database: Database) -> Iterator[None]:
    """Set the worst value of each setting on the database and on every role in it, and close open connections."""
    database.close()
    everybody = f"ALTER DATABASE {database.name}"
    statements = [f"{everybody} SET {name} = {value}" for name, value in HOSTILE.items()]
    for role in LOGINS:
        statements += [
            f"ALTER ROLE {role} IN DATABASE {database.name} SET {name} = {value}"
            for name, value in HOSTILE.items()
        ]
    end_sessions = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.name}'"
    database.server.run("; ".join(statements), end_sessions)
    try:
        yield
    finally:
        database.close()
        database.server.run(end_sessions)
        resets = [f"ALTER ROLE {role} IN DATABASE {database.name} RESET ALL" for role in LOGINS]
        database.server.run("; ".join([f"{everybody} RESET ALL", *resets]))
