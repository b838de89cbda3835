"""Windows: the supervisor puts itself into a Job Object, so whatever it starts is born inside.

No child can leave the job, and the job's list of process ids is the tree. The job dies with its last
process and ends nobody by itself: what a script leaves behind lives on, as elsewhere. There is no polite
way to end a process without a window, so ending is terminating.
"""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from adaptive_scheduler.trees.base import end_all, nothing

BELOW_NORMAL_PRIORITY_CLASS = 0x4000
IDLE_PRIORITY_CLASS = 0x40
CREATE_NEW_PROCESS_GROUP = 0x0200
CREATE_NO_WINDOW = 0x0800_0000

JOB_OBJECT_BASIC_ACCOUNTING = 1
JOB_OBJECT_BASIC_PROCESS_ID_LIST = 3
ACCOUNTING_WORDS = 6
"""Four times of 8 bytes and four counts of 4."""

PROCESS_TERMINATE = 0x0001
PROCESS_VM_READ = 0x0010
PROCESS_QUERY_INFORMATION = 0x0400
PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
PROCESS_SET_INFORMATION = 0x0200
ACCESS = (
    PROCESS_TERMINATE
    | PROCESS_VM_READ
    | PROCESS_SET_INFORMATION
    | PROCESS_QUERY_INFORMATION
    | PROCESS_QUERY_LIMITED_INFORMATION
)
ERROR_MORE_DATA = 234
MOST_PIDS = 65_536
FILETIME_PER_S = 10_000_000
EXIT_CODE = 1
STILL_ACTIVE = 259
LONGEST_PATH = 32_768
LOWER = (BELOW_NORMAL_PRIORITY_CLASS, IDLE_PRIORITY_CLASS)

if sys.platform == "win32":
    from ctypes import wintypes

    class _MemoryCounters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS."""

        _fields_ = [
            ("cb", wintypes.DWORD),
            ("page_faults", wintypes.DWORD),
            ("peak_working_set", ctypes.c_size_t),
            ("working_set", ctypes.c_size_t),
            ("quotas", ctypes.c_size_t * 4),
            ("pagefile", ctypes.c_size_t),
            ("peak_pagefile", ctypes.c_size_t),
        ]

    def _kernel32() -> Any:
        """Return kernel32 with the types of what is called: handles are as wide as pointers."""
        library = ctypes.WinDLL("kernel32", use_last_error=True)
        handle, dword, flag, pointer = wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, ctypes.c_void_p
        for name, result, arguments in (
            ("CreateJobObjectW", handle, (pointer, wintypes.LPCWSTR)),
            ("AssignProcessToJobObject", flag, (handle, handle)),
            ("QueryInformationJobObject", flag, (handle, ctypes.c_int, pointer, dword, pointer)),
            ("IsProcessInJob", flag, (handle, handle, pointer)),
            ("OpenProcess", handle, (dword, flag, dword)),
            ("TerminateProcess", flag, (handle, wintypes.UINT)),
            ("GetCurrentProcess", handle, ()),
            ("GetExitCodeProcess", flag, (handle, pointer)),
            ("GetPriorityClass", dword, (handle,)),
            ("SetPriorityClass", flag, (handle, dword)),
            ("QueryFullProcessImageNameW", flag, (handle, dword, wintypes.LPWSTR, pointer)),
            ("K32GetProcessMemoryInfo", flag, (handle, pointer, dword)),
            ("CloseHandle", flag, (handle,)),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        return library

    class WindowsTree:
        """The processes of this process's job, but itself."""

        def __init__(self) -> None:
            """Know nothing yet."""
            self.me = os.getpid()
            self.kernel = _kernel32()
            self.job: Any = None
            self.background = False
            self.took: bool | None = None
            self.steps: dict[int, Any] = {}

        def prepare(self, *, background: bool) -> None:
            """Enter a job of our own; jobs nest since Windows 8."""
            self.background = background
            self.job = self.kernel.CreateJobObjectW(None, None)
            if self.job and not self.kernel.AssignProcessToJobObject(self.job, self.kernel.GetCurrentProcess()):
                self.kernel.CloseHandle(self.job)
                self.job = None

        def popen_options(self) -> dict[str, Any]:
            """Start each step without a window; children inherit below-normal priority."""
            priority = BELOW_NORMAL_PRIORITY_CLASS if self.background else 0
            return {"creationflags": CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW | priority}

        def started(self, process: "subprocess.Popen[bytes]") -> None:
            """Read the step's priority back, and keep a handle that tells of it after its end."""
            self.steps[process.pid] = self.kernel.OpenProcess(ACCESS, False, process.pid)
            if self.background:
                took = self._of(process.pid, self._lower)
                if took is not None:
                    self.took = took and self.took is not False

        def background_took(self) -> bool | None:
            """Say whether the priority class was read back as asked."""
            return self.took

        def descendants(self) -> set[int]:
            """Return the ids of all processes of the job but our own and the hosts of consoles.

            Windows puts a console's host into the job of its first client, and ends it with the last.
            """
            return {pid for pid in self._pids() if pid != self.me and self._of(pid, self._is_of_the_run)}

        def measure(self) -> tuple[int, float]:
            """Return resident bytes of what lives, and CPU seconds of all that has run so far."""
            found = [self._of(pid, self._memory) for pid in self.descendants()]
            memory = sum(one.working_set for one in found if one is not None)
            # JOBOBJECT_BASIC_ACCOUNTING_INFORMATION begins with user and kernel time, in 100 ns.
            times = (ctypes.c_int64 * ACCOUNTING_WORDS)()
            if not self.job or not self.kernel.QueryInformationJobObject(
                self.job, JOB_OBJECT_BASIC_ACCOUNTING, times, ctypes.sizeof(times), None
            ):
                return memory, 0.0
            return memory, max(0.0, (times[0] + times[1]) / FILETIME_PER_S - time.process_time())

        def peak_bytes(self) -> int:
            """Return the most resident bytes that any one step had."""
            return max((self._memory(handle).peak_working_set for handle in self.steps.values() if handle), default=0)

        def reap(self, but: int) -> None:
            """There are no zombies here."""

        def kill(self, grace_s: float, meanwhile: Callable[[], object] = nothing) -> tuple[int, int]:
            """Terminate all processes of the job but our own, until none is left."""
            return end_all(self.descendants, None, self._terminate, grace_s, meanwhile)

        def _terminate(self, pid: int) -> None:
            self._of(pid, lambda handle: self.kernel.TerminateProcess(handle, EXIT_CODE))

        def _pids(self) -> list[int]:
            if not self.job:
                return list(self.steps)
            room = 64
            while room <= MOST_PIDS:
                # JOBOBJECT_BASIC_PROCESS_ID_LIST: two DWORDs, then one ULONG_PTR a process.
                buffer = ctypes.create_string_buffer(8 + room * ctypes.sizeof(ctypes.c_size_t))
                if self.kernel.QueryInformationJobObject(
                    self.job, JOB_OBJECT_BASIC_PROCESS_ID_LIST, buffer, len(buffer), None
                ):
                    count = wintypes.DWORD.from_buffer(buffer, 4).value
                    return list((ctypes.c_size_t * count).from_buffer(buffer, 8))
                if ctypes.get_last_error() != ERROR_MORE_DATA:
                    break
                room *= 4
            return []

        def _of(self, pid: int, ask: Any) -> Any:
            """Ask something of a process of the job; None when it is gone or its id belongs to another."""
            handle = self.kernel.OpenProcess(ACCESS, False, pid)
            if not handle:
                return None
            try:
                inside = wintypes.BOOL()
                if self.job and not self.kernel.IsProcessInJob(handle, self.job, ctypes.byref(inside)):
                    return None
                return ask(handle) if (inside.value or not self.job) and self._lives(handle) else None
            finally:
                self.kernel.CloseHandle(handle)

        def _lower(self, handle: Any) -> bool:
            """Set what creating the process should have set, and say whether it is in force."""
            if self.kernel.GetPriorityClass(handle) not in LOWER:
                self.kernel.SetPriorityClass(handle, BELOW_NORMAL_PRIORITY_CLASS)
            return self.kernel.GetPriorityClass(handle) in LOWER

        def _is_of_the_run(self, handle: Any) -> bool:
            size = wintypes.DWORD(LONGEST_PATH)
            path = ctypes.create_unicode_buffer(size.value)
            self.kernel.QueryFullProcessImageNameW(handle, 0, path, ctypes.byref(size))
            return not path.value.lower().endswith("\\conhost.exe")

        def _lives(self, handle: Any) -> bool:
            code = wintypes.DWORD()
            return bool(self.kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and code.value == STILL_ACTIVE

        def _memory(self, handle: Any) -> _MemoryCounters:
            counters = _MemoryCounters()
            counters.cb = ctypes.sizeof(counters)
            self.kernel.K32GetProcessMemoryInfo(handle, ctypes.byref(counters), counters.cb)
            return counters
