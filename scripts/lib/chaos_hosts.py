"""Hosts of a chaos run: network namespaces with a switch between them. Needs root, `ip` and `nft`.

Everything in Weir listens at 127.0.0.1 here, so each host has a loopback of its own, and a range of
ports of its own: who connects to 127.0.0.1 at a port of another host's range is led there, through
a virtual cable that can be cut in either direction. Processes know nothing of it.

    host 1: lo, eth0 10.77.0.1, ports 20000..27999 --+
    host 2: lo, eth0 10.77.0.2, ports 28000..35999 --+-- switch (a namespace with a bridge)
    host 3: ...                                    --+

The namespace that the script runs in is not touched. Used by scripts/chaos; not run by itself.
"""
import os
import shutil
import subprocess

FIRST_PORT, PORTS = 20_000, 8_000


class HostsUnavailable(Exception):
    """What is missing, and what to do."""


def run(*words, text=None):
    done = subprocess.run([str(w) for w in words], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise HostsUnavailable(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def require():
    """Raises if this machine cannot have such hosts."""
    if os.geteuid() != 0:
        raise HostsUnavailable("network namespaces need root; run it as root")
    for tool, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(tool) is None:
            raise HostsUnavailable(f"{tool} is not installed; `scripts/setup --dev` or "
                                   f"`apt-get install {package}` brings it")


def ports_of(host):
    first = FIRST_PORT + (host - 1) * PORTS
    return first, first + PORTS - 1


def address_of(host):
    return f"10.77.0.{host}"


class Hosts:
    """`count` hosts, numbered from 1; as a context manager they are gone at its end."""

    def __init__(self, count):
        require()
        self.numbers = range(1, count + 1)
        self.prefix = f"weir{os.getpid()}"
        self.made = []

    @staticmethod
    def first_port(host):
        return ports_of(host)[0]

    def namespace(self, host):
        return f"{self.prefix}h{host}"

    def __enter__(self):
        try:
            switch = self.add_namespace(f"{self.prefix}sw")
            run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
            run("ip", "-n", switch, "link", "set", "br0", "up")
            for host in self.numbers:
                self.add_host(host, switch)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in reversed(self.made):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        self.made = []

    def add_namespace(self, name):
        run("ip", "netns", "add", name)
        self.made.append(name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        return name

    def add_host(self, host, switch):
        name = self.add_namespace(self.namespace(host))
        run("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", f"p{host}",
            "netns", switch)
        run("ip", "-n", switch, "link", "set", f"p{host}", "master", "br0", "up")
        run("ip", "-n", name, "addr", "add", f"{address_of(host)}/24", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        first, last = ports_of(host)
        for key, value in (("conf.all.route_localnet", 1), ("conf.eth0.route_localnet", 1),
                           ("conf.all.rp_filter", 0), ("conf.eth0.rp_filter", 0),
                           ("ip_local_port_range", f"{first} {last}")):
            self.set_kernel(name, key, value)
        run(*self.inside(host), "nft", "-f", "-", text=self.rules(host))

    @staticmethod
    def set_kernel(name, key, value):
        path = "/proc/sys/net/ipv4/" + key.replace(".", "/")
        run("ip", "netns", "exec", name, "tee", path, text=f"{value}\n")

    def rules(self, host):
        lead = "\n".join(
            f"    ip daddr 127.0.0.1 tcp dport {'-'.join(map(str, ports_of(other)))} "
            f"dnat to {address_of(other)}" for other in self.numbers if other != host)
        return f"""
table ip weir {{
  set silent {{ type ipv4_addr; }}
  chain out {{
    type nat hook output priority -100;
{lead}
  }}
  chain arrive {{
    type nat hook prerouting priority -100;
    ip daddr {address_of(host)} tcp dport {'-'.join(map(str, ports_of(host)))} dnat to 127.0.0.1
  }}
  chain leave {{
    type nat hook postrouting priority 100;
    ip saddr 127.0.0.1 oifname "eth0" snat to {address_of(host)}
  }}
  chain cable {{
    type filter hook input priority 0;
    ip saddr @silent drop
  }}
}}
"""

    def inside(self, host):
        """The words before a command that is to run on that host."""
        return ["ip", "netns", "exec", self.namespace(host)]

    # What `sender` sends does not reach `receiver` any more, or again.
    def cut(self, sender, receiver):
        run(*self.inside(receiver), "nft", "add", "element", "ip", "weir", "silent",
            f"{{ {address_of(sender)} }}")

    def heal(self, sender, receiver):
        run(*self.inside(receiver), "nft", "delete", "element", "ip", "weir", "silent",
            f"{{ {address_of(sender)} }}")
