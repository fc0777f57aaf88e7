"""The command line: `lovebird`, or `python -m lovebird`."""

from .ui.cli import main

if __name__ == "__main__":
    main()
