"""What the measurements were taken on and with: never a path or a name of the machine."""

import datetime, os, platform, re, subprocess, time
from pathlib import Path

from peers import nats_leaf, postgres, redis_replica, syncthing


def first_line(path: str, key: str) -> str:
    with open(path) as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith(key)), "?")


def file_system(path: Path) -> str:
    return subprocess.run(
        ["findmnt", "-n", "-o", "FSTYPE", "-T", path], stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def flush_microseconds(directory: Path, times: int = 200) -> float:
    """What it takes to have 4 KiB more in a file on the disk: the price of a commit."""
    path = directory / "flush"
    with open(path, "wb", buffering=0) as file:
        begun = time.monotonic()
        for _ in range(times):
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
        spent = time.monotonic() - begun
    path.unlink()
    return spent / times * 1e6


def ed25519_verifies() -> float:
    """Signatures that OpenSSL verifies a second on one core."""
    text = subprocess.run(
        ["openssl", "speed", "-seconds", "1", "ed25519"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout
    line = next((line for line in text.splitlines() if "Ed25519" in line), "0")
    return float(line.split()[-1])


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def facts(program: str, commit: str, root: Path) -> dict:
    """Of the machine, and of every program that takes part."""
    said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    return {
        "date": now(),
        "cpu": first_line("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gb": round(int(first_line("/proc/meminfo", "MemTotal").split()[0]) / 1024 / 1024, 1),
        "kernel": re.match(r"[0-9.]+", platform.release()).group().rstrip("."),
        "system": first_os_name(),
        "file_system": file_system(root),
        "flush_us": flush_microseconds(root),
        "ed25519_verifies_per_core": ed25519_verifies(),
        "load_at_begin": os.getloadavg()[0],
        "versions": {
            "federation": f"{said} ({commit})" if commit else said,
            "PostgreSQL": postgres.version(),
            "NATS": nats_leaf.version(),
            "Redis": redis_replica.version(),
            "Syncthing": syncthing.version(),
            "Python": platform.python_version(),
        },
    }


def first_os_name() -> str:
    with open("/etc/os-release") as file:
        return next(line.split("=", 1)[1].strip().strip('"') for line in file if line.startswith("PRETTY_NAME"))
