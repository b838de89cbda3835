#!/bin/sh
# isolated.sh [MOUNT...] -- INIT...: makes the namespaces it was started in a machine of their own, and becomes INIT.
#
# Everything is there, from this machine, and whatever is written goes into memory: the root file system is an
# overlay, /dev and /run are new. Only the MOUNTs are those of this machine. With the last process all is gone.
set -eu

[ $$ = 1 ] || { echo "not in a process namespace of its own" >&2 && exit 1; }

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/upper /run/work /run/root
mount -t overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/work overlay /run/root
while [ "$1" != -- ]; do
    mkdir -p "/run/root$1"
    mount --rbind "$1" "/run/root$1"
    shift
done
shift
if [ -L /etc/resolv.conf ]; then # it may point to where nothing will be
    rm /run/root/etc/resolv.conf
    cat /etc/resolv.conf >/run/root/etc/resolv.conf || true
fi

cd /run/root
mount -t proc proc proc
# Settings of the kernel are not divided by namespaces.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 666 dev/tty c 5 0
mkdir -m 1777 dev/shm
for number in 0:stdin 1:stdout 2:stderr; do
    ln -s "/proc/self/fd/${number%:*}" "dev/${number#*:}"
done
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run

mkdir run/before
pivot_root . run/before
cd /
umount -l /run/before
rmdir /run/before

echo ready
exec "$@" </dev/null >/dev/null 2>&1
