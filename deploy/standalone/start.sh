#!/bin/sh
# To double-click: starts HumanPose3D in a terminal window, whose closing ends it.
app="$(dirname "$(readlink -f "$0")")/HumanPose3D"
[ ! -t 1 ] || exec "$app"
for terminal in x-terminal-emulator gnome-terminal konsole xfce4-terminal xterm; do
    command -v "$terminal" >/dev/null || continue
    case $terminal in
        gnome-terminal) exec gnome-terminal -- "$app" ;;
        xfce4-terminal) exec xfce4-terminal -x "$app" ;;
        *) exec "$terminal" -e "$app" ;;
    esac
done
exec "$app" # without a window; stop it with: pkill -INT HumanPose3D
