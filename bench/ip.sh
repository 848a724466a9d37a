#!/bin/bash
# ip.sh - the networks of limit.c by ip(8), from the world's root, where the bridge is
#   bench/ip.sh batch|each|exec star|chain N     batch: one ip for the links, one for each namespace; each: ip -n for each
#       command; exec: as tutorials do it, ip netns exec, ends moved and renamed
# shellcheck disable=SC2086 # a line is several words
set -euo pipefail
way=$1 what=$2 n=$3

address() { echo "10.0.$(($1 / 256)).$(($1 % 256))/16"; }
side() { echo "10.1.$((4 * $1 / 256)).$((4 * $1 % 256 + $2))"; }

# Writes the commands of one namespace, without their ip.
host() {
	echo "link set lo up"
	echo "link set eth0 up"
	echo "addr add $(address "$1") brd + dev eth0"
	echo "route add default via 10.0.255.254"
}

router() {
	echo "link set lo up"
	if (($1 > 1)); then
		echo "addr add $(side $(($1 - 1)) 2)/30 brd + dev eth0"
		echo "link set eth0 up"
	fi
	if (($1 < n)); then
		echo "addr add $(side "$1" 1)/30 brd + dev eth1"
		echo "link set eth1 up"
	fi
	if (($1 > 2)); then echo "route add $(side 1 0)/30 via $(side $(($1 - 1)) 1)"; fi
	if (($1 < n - 1)); then echo "route add $(side $((n - 1)) 0)/30 via $(side "$1" 2)"; fi
}

# Writes the commands that make namespaces and links.
links() {
	local i
	if [ "$what" = star ]; then
		echo "link set lo up"
		echo "link add br0 type bridge"
		echo "link set br0 up"
		echo "addr add 10.0.255.254/16 dev br0"
	fi
	for ((i = 1; i <= n; i++)); do
		[ "$what" = star ] && echo "netns add h$i" || echo "netns add r$i"
	done
	for ((i = 1; i <= n; i++)); do
		if [ "$what" = chain ]; then
			((i == n)) || echo "link add eth1 netns r$i type veth peer name eth0 netns r$((i + 1))"
		elif [ "$way" = exec ]; then
			echo "link add p$i type veth peer name q$i"
			echo "link set q$i netns h$i"
			echo "link set p$i master br0"
			echo "link set p$i up"
		else
			echo "link add p$i master br0 up type veth peer name eth0 netns h$i"
		fi
	done
}

inner() {
	local ns=$1 i=$2 line
	{ if [ "$what" = star ]; then host "$i"; else router "$i"; fi; } | case $way in
	batch) ip -n "$ns" -batch - ;;
	each) while read -r line; do ip -n "$ns" $line; done ;;
	exec)
		[ "$what" = chain ] || ip netns exec "$ns" ip link set "q$i" name eth0
		while read -r line; do ip netns exec "$ns" ip $line; done
		;;
	esac
	if [ "$what" = chain ]; then ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=1; fi
}

if [ "$way" = batch ]; then
	links | ip -batch -
else
	links | while read -r line; do ip $line; done
fi
for ((i = 1; i <= n; i++)); do
	if [ "$what" = star ]; then inner "h$i" "$i"; else inner "r$i" "$i"; fi
done
echo "up $$"
read -r line || true
for ((i = 1; i <= n; i++)); do
	[ "$what" = star ] && echo "netns del h$i" || echo "netns del r$i"
done | if [ "$way" = batch ]; then ip -batch -; else while read -r line; do ip $line; done; fi
if [ "$what" = star ]; then ip link del br0; fi
echo down
