"""Run in a process of its own: a Ray cluster on this machine, of nodes that lines of input change.

    python nodes.py --nodes 3 --cpus 1 --dashboard-port 8265 --agent-port 52365

It prints a JSON line when the cluster is there, and one for each line that it reads: `add` starts a
node, `kill` ends the newest one with all of its processes at once. At the end of its input the
cluster ends.
"""

import argparse
import json
import sys

import psutil
from ray.cluster_utils import Cluster

OBJECT_STORE_BYTES = 100 * 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("nodes", "cpus", "dashboard-port", "agent-port"):
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = parser.parse_args()
    size = {"num_cpus": arguments.cpus, "object_store_memory": OBJECT_STORE_BYTES}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            **size,
            "include_dashboard": True,
            "dashboard_port": arguments.dashboard_port,
            "dashboard_agent_listen_port": arguments.agent_port,
            "_system_config": {"metrics_report_interval_ms": 1000},
        },
    )
    workers = [cluster.add_node(**size) for _ in range(arguments.nodes - 1)]
    print(json.dumps({"address": cluster.address}), flush=True)
    for line in sys.stdin:
        if line.strip() == "add":
            workers.append(cluster.add_node(**size))
        elif line.strip() == "kill":
            kill(cluster, workers.pop())
        print(json.dumps({"nodes": 1 + len(workers)}), flush=True)
    cluster.shutdown()


def kill(cluster: Cluster, node) -> None:
    """As a machine goes: all of its processes at the same moment, none with a last word."""
    raylets = [info.process for info in node.all_processes["raylet"]]
    processes = [psutil.Process(one.pid) for one in raylets]
    for process in [child for one in processes for child in one.children(recursive=True)]:
        process.kill()
    for process in processes:
        process.kill()
    cluster.remove_node(node, allow_graceful=False)


if __name__ == "__main__":
    main()
