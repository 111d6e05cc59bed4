# SPDX-License-Identifier: Apache-2.0
"""What each program of the one-node cluster is told: its files, and its command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.provider.layout import NODE, NODE_ADDRESS, PAUSE_IMAGE, PODS, SERVICES, Layout

# The host's /tmp is hidden in the node: the controller manager's provisioner puts every volume below it.
STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "kubernetes.io/host-path",
}


def files(layout: Layout) -> Mapping[Path, str]:
    """Configuration files by path."""
    state = layout.state
    return {
        state / "containerd.toml": _containerd(state),
        state / "cni" / "10-pods.conflist": json.dumps(_network(state)),
        state / "kubelet.json": json.dumps(_kubelet(state)),
        state / "kube-proxy.json": json.dumps(_kube_proxy(state)),
        state / "Corefile": _corefile(state),
        # the machine's own names are none of the pods' business
        state / "resolv.conf": f"nameserver {NODE_ADDRESS}\n",
    }


def programs(layout: Layout) -> Mapping[str, list[str]]:
    """Command lines, in the order they are started; each is started again when it ends."""
    state, pki = layout.state, layout.pki
    etcd = "http://127.0.0.1:2379"
    return {
        "etcd": [
            "etcd",
            f"--data-dir={state}/etcd",
            "--unsafe-no-fsync",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
        ],
        "containerd": ["containerd", "--config", f"{state}/containerd.toml"],
        "kube-apiserver": [
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            "--secure-port=6443",
            f"--bind-address={NODE_ADDRESS}",
            f"--advertise-address={NODE_ADDRESS}",
            f"--client-ca-file={pki}/ca.crt",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--service-cluster-ip-range={SERVICES}",
            "--allow-privileged=true",
            f"--kubelet-client-certificate={pki}/admin.crt",
            f"--kubelet-client-key={pki}/admin.key",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
        ],
        "kube-controller-manager": [
            "kube-controller-manager",
            f"--kubeconfig={layout.kubeconfig}",
            f"--root-ca-file={pki}/ca.crt",
            f"--service-account-private-key-file={pki}/sa.key",
            "--use-service-account-credentials",
            "--enable-hostpath-provisioner=true",
            "--leader-elect=false",
        ],
        "kube-scheduler": ["kube-scheduler", f"--kubeconfig={layout.kubeconfig}", "--leader-elect=false"],
        "kubelet": [
            "kubelet",
            f"--config={state}/kubelet.json",
            f"--kubeconfig={state}/kubelet.kubeconfig",
            f"--hostname-override={NODE}",
            f"--node-ip={NODE_ADDRESS}",
            f"--root-dir={state}/kubelet",
        ],
        "kube-proxy": ["kube-proxy", f"--config={state}/kube-proxy.json"],
        "coredns": ["coredns", "-conf", f"{state}/Corefile"],
    }


def _containerd(state: Path) -> str:
    # restrict_oom_score_adj: in a sandbox not even root may lower a score
    return f"""version = 2
root = "{state}/containerd/root"
state = "{state}/containerd/state"
[grpc]
  address = "{state}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{state}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{state}/cni"
"""


def _network(state: Path) -> object:
    addresses = {
        "type": "host-local",
        "dataDir": f"{state}/addresses",
        "ranges": [[{"subnet": PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": addresses,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "dromos-pods", "plugins": [bridge, ports]}


def _kubelet(state: Path) -> object:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{state}/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{state}/pki/kubelet.crt",
        "tlsPrivateKeyFile": f"{state}/pki/kubelet.key",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "resolvConf": f"{state}/resolv.conf",
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{state}/containerd.sock",
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": False,
        "evictionHard": {"memory.available": "100Mi"},
        # another kubelet on this machine takes our logs in the usual folder for leftovers of its own
        "podLogsDir": f"{state}/pod-logs",
    }


def _kube_proxy(state: Path) -> object:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{state}/admin.kubeconfig"},
        "mode": "iptables",
        # a tenth of the usual: until it knows of a new pod, kube-proxy refuses what goes to its Service
        "iptables": {"minSyncPeriod": "100ms"},
        "clusterCIDR": PODS,
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "hostnameOverride": NODE,
    }


def _corefile(state: Path) -> str:
    # outside the cluster there is no name: the answer is "does not exist", not a time-out
    return f"""cluster.local:53 {{
  bind {NODE_ADDRESS}
  errors
  kubernetes cluster.local {{
    kubeconfig {state}/admin.kubeconfig dromos
    ttl 1
  }}
}}
.:53 {{
  bind {NODE_ADDRESS}
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
"""
