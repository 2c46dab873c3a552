import sys

from emulator.tke.cli import main

sys.exit(main())
