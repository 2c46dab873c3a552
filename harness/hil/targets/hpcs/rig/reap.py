"""Removes the containers of one run, for a janitor that outlives the bench."""

import sys

from hil.targets.hpcs.rig.units import docker

if __name__ == "__main__":
    docker.reap(sys.argv[1])
