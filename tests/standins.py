"""Stand-ins for the system's own tools, as real programs on a PATH of their own: nothing of this machine is touched."""

import os
from pathlib import Path

CRONTAB = """\
#!/bin/sh
# As strict as Debian's: no crontab is exit code 1, and a last line without its end is refused.
file=${0%/*}/crontab.txt
case $1 in
-l) [ -f "$file" ] || { echo "no crontab for me" >&2; exit 1; }; exec cat "$file" ;;
-r) exec rm "$file" ;;
-) cat > "$file.new"
   [ ! -s "$file.new" ] || [ -z "$(tail -c 1 "$file.new")" ] ||
       { echo "new crontab file is missing newline before EOF, can't install." >&2; exit 1; }
   exec mv "$file.new" "$file" ;;
esac
exit 2
"""

NO_MANAGER = """\
#!/bin/sh
echo "Failed to connect to bus: No medium found" >&2
exit 1
"""


class Tools:
    """A folder of stand-ins, and the PATH that finds them first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tools"
        self.folder.mkdir()
        self.put("crontab", CRONTAB)
        self.put("systemctl", NO_MANAGER)
        self.put("pgrep", "#!/bin/sh\n")

    def put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    @property
    def path(self) -> str:
        return os.pathsep.join([str(self.folder), "/usr/bin", "/bin"])

    @property
    def crontab(self) -> bytes | None:
        file = self.folder / "crontab.txt"
        return file.read_bytes() if file.exists() else None

    @crontab.setter
    def crontab(self, content: bytes) -> None:
        (self.folder / "crontab.txt").write_bytes(content)
