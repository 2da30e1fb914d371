"""`python -m oddloop` is the `oddloop` command."""

from oddloop.cli.app import main

if __name__ == "__main__":
    main()
