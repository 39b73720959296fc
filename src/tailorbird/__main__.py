"""``python -m tailorbird`` is the same as ``tailorbird``."""

from tailorbird.cli import main

if __name__ == "__main__":
    main()
