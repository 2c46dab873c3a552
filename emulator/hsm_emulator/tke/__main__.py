import sys

from hsm_emulator.tke.cli import main

sys.exit(main())
