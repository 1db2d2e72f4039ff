#!/bin/sh
# To double-click: starts HumanPose3D in a terminal window, whose closing ends it.
app="$(dirname "$(readlink -f "$0")")/HumanPose3D"
[ ! -t 1 ] || exec "$app"
for terminal in x-terminal-emulator gnome-terminal ptyxis kgx konsole xfce4-terminal xterm; do
    command -v "$terminal" >/dev/null || continue
    case $terminal in
        gnome-terminal | ptyxis | kgx) exec "$terminal" -- "$app" ;;
        xfce4-terminal) exec "$terminal" -x "$app" ;;
        *) exec "$terminal" -e "$app" ;;
    esac
done
echo "There is no terminal program to start HumanPose3D in. Start $app in a terminal yourself." >&2
exit 1
