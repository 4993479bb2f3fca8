# cython: language_level=3, boundscheck=False, wraparound=False
"""`turn.Turn` in C: see there for what each step is.

What is gained: a reply is compared where the kernel put it, and becomes an object only where it is
not the known one; a plain socket's `recv` and `send` are the system calls themselves, the GIL kept,
since a non-blocking call does not wait; what epoll tells stays where the kernel wrote it. Whatever
is not plain (TLS, a timestamp, a datagram, a staged socket or epoll of a test) is called as in
Python. The slots of a connection and of a batch are read and written where they lie: to look them
up took a third of the time that is not the kernel's.
"""

import os
import time
from _socket import socket as kernels_socket  # in `socket` gevent may have put its own

from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.errno cimport EINTR, errno
from libc.stdint cimport uint32_t
from libc.string cimport memcmp
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from wireproof.histogram import EXACT_BELOW_US, index_of
from wireproof.load.swarm import turn as reference
from wireproof.load.swarm.connections.connection import SwarmConnection
from wireproof.load.workload.batch import Batch

cdef extern from "Python.h":
    ctypedef struct PyMemberDef:
        Py_ssize_t offset
    ctypedef struct PyMemberDescrObject:
        PyMemberDef *d_member
    ctypedef struct PyMethodDef:
        pass
    ctypedef struct PyCFunctionObject:
        PyMethodDef *m_ml
    bint PyCFunction_CheckExact(object)

cdef extern from "sys/socket.h" nogil:
    ssize_t c_recv "recv"(int, void *, size_t, int)
    ssize_t c_send "send"(int, const void *, size_t, int)
    int MSG_NOSIGNAL

cdef extern from "sys/epoll.h" nogil:
    ctypedef union epoll_data:
        int fd
    struct epoll_event:
        uint32_t events
        epoll_data data
    int epoll_wait(int, epoll_event *, int, int)

cdef enum:
    BUFFER_BYTES = 65536
    READABLE = 1  # EPOLLIN

cdef int MOST_EVENTS = reference.MOST_EVENTS
cdef double LONGEST_WAIT_S = reference.LONGEST_WAIT_S
cdef int STAMP_ONE_IN = reference.STAMP_ONE_IN
cdef long EXACT_US = EXACT_BELOW_US
cdef PyMethodDef *PLAIN_RECV
cdef PyMethodDef *PLAIN_SEND

_plain = kernels_socket()
_recv, _send = _plain.recv, _plain.send
PLAIN_RECV = (<PyCFunctionObject *>_recv).m_ml
PLAIN_SEND = (<PyCFunctionObject *>_send).m_ml
_plain.close()
del _plain, _recv, _send


cdef type CONNECTION = SwarmConnection
cdef type BATCH = Batch


cdef Py_ssize_t offset_of(type owner, str name) except -1:
    """Return where a slot's value lies in an object."""
    descriptor = getattr(owner, name)
    if type(descriptor).__name__ != "member_descriptor":
        raise TypeError(f"{owner.__name__}.{name} is no slot")
    return (<PyMemberDescrObject *>descriptor).d_member.offset


cdef Py_ssize_t HOT = offset_of(CONNECTION, "hot")
cdef Py_ssize_t RECEIVE = offset_of(CONNECTION, "receive")
cdef Py_ssize_t SEND = offset_of(CONNECTION, "send")
cdef Py_ssize_t RECORDER = offset_of(CONNECTION, "recorder")
cdef Py_ssize_t SENT_NS = offset_of(CONNECTION, "sent_ns")
cdef Py_ssize_t FD = offset_of(CONNECTION, "fd")
cdef Py_ssize_t REPLY = offset_of(BATCH, "reply")
cdef Py_ssize_t SILENT = offset_of(BATCH, "silent")
cdef Py_ssize_t ANSWERED = offset_of(BATCH, "answered")
cdef Py_ssize_t NEXT = offset_of(BATCH, "next")
cdef Py_ssize_t FIRST = offset_of(BATCH, "first")
cdef Py_ssize_t LEFT = offset_of(BATCH, "left")
cdef Py_ssize_t COUNT = offset_of(BATCH, "count")
cdef Py_ssize_t SHARES = offset_of(BATCH, "shares")
cdef Py_ssize_t STEPS = offset_of(BATCH, "steps")
cdef Py_ssize_t PASSES = offset_of(BATCH, "passes")
cdef Py_ssize_t ACCEPTED = offset_of(BATCH, "accepted")


cdef inline PyObject **place(object owner, Py_ssize_t offset):
    return <PyObject **>(<char *><void *>owner + offset)


cdef inline object slot(object owner, type kind, Py_ssize_t offset, str name):
    """Return an attribute: where it lies in an object of just this kind, else as usual."""
    cdef PyObject *value
    if type(owner) is kind:
        value = place(owner, offset)[0]
        if value is not NULL:
            return <object>value
    return getattr(owner, name)


cdef inline int put(object owner, type kind, Py_ssize_t offset, str name, object value) except -1:
    """Set an attribute, in the same way."""
    cdef PyObject *before
    if type(owner) is kind:
        before = place(owner, offset)[0]
        Py_INCREF(value)
        place(owner, offset)[0] = <PyObject *>value
        Py_XDECREF(before)
    else:
        setattr(owner, name, value)
    return 0


cdef int passed(object batch, tuple steps) except -1:
    """Do what `Batch.passed` does, where the counters have room for their steps."""
    cdef object reply, grown
    cdef unsigned char *digits
    cdef Py_ssize_t at, size, place
    cdef unsigned long long left
    reply = slot(batch, BATCH, REPLY, "reply")
    if type(batch) is not BATCH or not PyBytes_CheckExact(reply):
        batch.passed()
        return 0
    grown = reply
    if steps:
        grown = PyBytes_FromStringAndSize(PyBytes_AS_STRING(reply), PyBytes_GET_SIZE(reply))
        digits = <unsigned char *>PyBytes_AS_STRING(grown)
        for at, size, left in steps:
            place = at + size
            while left and place > at:
                place -= 1
                left += digits[place]
                digits[place] = left & 0xFF
                left >>= 8
            if left:
                batch.passed()
                return 0
    put(batch, BATCH, ACCEPTED, "accepted", reply)
    put(batch, BATCH, REPLY, "reply", grown)
    put(batch, BATCH, PASSES, "passes", <object>slot(batch, BATCH, PASSES, "passes") + 1)
    return 0


cdef inline bint is_plain(object method, PyMethodDef *plain):
    return PyCFunction_CheckExact(method) and (<PyCFunctionObject *>method).m_ml is plain


cdef class Turn:
    """The common case of all connections; all else goes to the attendant."""

    cdef dict _opened
    cdef list _ready
    cdef object _epoll, _attendant, _clock
    cdef bint _tells_kinds, _has_real_clock
    cdef int _epoll_descriptor, _told, _stamp_in
    cdef epoll_event *_events
    cdef char *_buffer

    def __cinit__(self):
        self._buffer = <char *>PyMem_Malloc(BUFFER_BYTES)
        self._events = <epoll_event *>PyMem_Malloc(MOST_EVENTS * sizeof(epoll_event))
        if self._buffer is NULL or self._events is NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self._buffer)
        PyMem_Free(self._events)

    def __init__(
        self, epoll, dict opened, attendant, list ready, clock, *, requests_in, bint tells_kinds
    ):
        del requests_in  # of use in Python alone
        self._epoll = epoll
        self._epoll_descriptor = epoll.fileno() if hasattr(epoll, "fileno") else -1
        self._opened = opened
        self._attendant = attendant
        self._ready = ready
        self._clock = clock
        self._has_real_clock = clock is time.monotonic_ns
        self._tells_kinds = tells_kinds
        self._told = 0
        self._stamp_in = STAMP_ONE_IN

    cdef inline long long _now(self) except -1:
        cdef timespec moment
        if not self._has_real_clock:
            return self._clock()
        clock_gettime(CLOCK_MONOTONIC, &moment)
        return <long long>moment.tv_sec * 1000000000 + moment.tv_nsec

    def stream(self, recorder, long long until_ns):
        """Take turns until then; on each reply a request follows."""
        cdef long long polled_ns, polling_ns = 0, requests = 0
        cdef long long now = self._now()
        try:
            while now <= until_ns:
                self._poll(LONGEST_WAIT_S)
                polled_ns = self._now()
                polling_ns += polled_ns - now
                self._receive(recorder, polled_ns, True)
                requests += self._ready_requests()
                self._send()
                now = self._now()
        finally:
            recorder.polling_ns += polling_ns
            recorder.sent += requests

    def poll(self, double timeout_s):
        """Wait for something to receive, so long at most."""
        self._poll(timeout_s)

    def receive(self, recorder, long long now, bint streaming):
        """Receive what epoll told of; returns the time of the last reply, or `now`."""
        return self._receive(recorder, now, streaming)

    def send(self):
        """Send the hot batch of each that is ready; one reply in some gets a timestamp."""
        self._send()

    cdef int _poll(self, double timeout_s) except -1:
        cdef int milliseconds, told
        self._told = 0
        if self._epoll_descriptor < 0:
            for descriptor, event in self._epoll.poll(timeout_s, MOST_EVENTS):
                self._events[self._told].data.fd = descriptor
                self._events[self._told].events = event
                self._told += 1
            return 0
        milliseconds = <int>(timeout_s * 1000)
        with nogil:
            told = epoll_wait(self._epoll_descriptor, self._events, MOST_EVENTS, milliseconds)
        if told >= 0:
            self._told = told
        elif errno == EINTR:
            PyErr_CheckSignals()
        else:
            raise OSError(errno, os.strerror(errno))
        return 0

    cdef long long _receive(self, recorder, long long now, bint streaming) except -1:
        cdef object connection, batch, method, reply, data, its, answered, steps
        cdef list counts = recorder.service
        cdef Py_ssize_t expected
        cdef ssize_t got
        cdef long long us
        cdef int at, descriptor
        for at in range(self._told):
            descriptor = self._events[at].data.fd
            connection = self._opened.get(descriptor)
            if connection is None or self._events[at].events != READABLE:
                self._attendant.on_event(descriptor, self._events[at].events)
                continue
            batch = slot(connection, CONNECTION, HOT, "hot")
            reply = slot(batch, BATCH, REPLY, "reply")
            method = slot(connection, CONNECTION, RECEIVE, "receive")
            expected = PyBytes_GET_SIZE(reply) if PyBytes_CheckExact(reply) else BUFFER_BYTES
            if expected < BUFFER_BYTES and is_plain(method, PLAIN_RECV):
                # One byte more than the reply is asked for: surplus shows.
                got = c_recv(descriptor, self._buffer, expected + 1, 0)
                while got < 0 and errno == EINTR:
                    got = c_recv(descriptor, self._buffer, expected + 1, 0)
                if got < 0:
                    self._attendant.on_error(connection, OSError(errno, os.strerror(errno)))
                    continue
                if got != expected or memcmp(self._buffer, PyBytes_AS_STRING(reply), got) != 0:
                    self._attendant.on_data(connection, self._buffer[:got])
                    continue
            else:
                try:
                    data = method(batch.receive_bytes)
                except OSError as error:
                    self._attendant.on_error(connection, error)
                    continue
                if data != reply:
                    self._attendant.on_data(connection, data)
                    continue
            now = self._now()
            steps = slot(batch, BATCH, STEPS, "steps")
            if steps is not None:
                passed(batch, steps)
            its = slot(connection, CONNECTION, RECORDER, "recorder")
            if slot(batch, BATCH, SILENT, "silent"):
                its.count_unreplied(batch.silent, batch.kinds[batch.answered :])
            if not streaming:
                self._attendant.count(connection, now, batch.answered)
                self._attendant.free(connection, now)
                continue
            answered = slot(batch, BATCH, ANSWERED, "answered")
            us = (now - <long long>slot(connection, CONNECTION, SENT_NS, "sent_ns")) // 1000
            if us >= EXACT_US:
                us = index_of(us)
            if self._tells_kinds:
                for kind, share in slot(batch, BATCH, SHARES, "shares"):
                    its.by_kind[kind][us] += share
            if its is recorder:
                counts[us] += answered
            else:
                its.service[us] += answered
                put(connection, CONNECTION, RECORDER, "recorder", recorder)
            put(connection, CONNECTION, HOT, "hot", slot(batch, BATCH, NEXT, "next"))
            self._ready.append(connection)
        return now

    cdef long long _ready_requests(self) except -1:
        cdef long long requests = 0
        cdef object connection, batch
        for connection in self._ready:
            batch = slot(connection, CONNECTION, HOT, "hot")
            requests += <long long>slot(batch, BATCH, COUNT, "count")
        return requests

    cdef int _send(self) except -1:
        cdef object connection, batch, method, first
        cdef ssize_t sent
        cdef int descriptor
        for connection in self._ready:
            batch = slot(connection, CONNECTION, HOT, "hot")
            put(connection, CONNECTION, SENT_NS, "sent_ns", self._now())
            method = slot(connection, CONNECTION, SEND, "send")
            first = slot(batch, BATCH, FIRST, "first")
            if PyBytes_CheckExact(first) and is_plain(method, PLAIN_SEND):
                descriptor = slot(connection, CONNECTION, FD, "fd")
                sent = c_send(
                    descriptor, PyBytes_AS_STRING(first), PyBytes_GET_SIZE(first), MSG_NOSIGNAL
                )
                if sent < 0:
                    error = OSError(errno, os.strerror(errno))
                    self._attendant.on_send_error(connection, error)
                    continue
            else:
                try:
                    sent = method(first)
                except OSError as failure:
                    self._attendant.on_send_error(connection, failure)
                    continue
            if sent != <ssize_t>slot(batch, BATCH, LEFT, "left"):
                self._attendant.on_sent_partly(connection, sent)
        self._ready.clear()
        self._stamp_in -= self._told
        if self._stamp_in < 0:
            self._stamp_in = STAMP_ONE_IN
            connection = self._opened.get(self._events[self._now() % self._told].data.fd)
            if connection is not None:
                connection.stamp_next()
        return 0
