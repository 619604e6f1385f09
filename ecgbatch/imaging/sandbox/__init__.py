"""Decoding in a process of its own, for bytes that nobody vouches for.

A decoder can be brought to crash, to loop, or to take all memory. So files are opened in a
long-lived child that has limits, no secrets and no network; it may die at any page without taking
the others along, because its successor goes on at the next one.

Bytes go to the child through a socket, pixels come back through anonymous shared memory, from which
they are copied. Answers are numbers and words of closed lists, never pickles: a child that was
taken over cannot make its parent run anything, nor change a page afterwards.

* ``parent``  starts, asks, times and replaces the child
* ``child``   the program that runs in it
* ``confine`` what the child may no longer do
* ``wire``    how requests, answers and pages cross over
* ``memory``  where pages cross over
"""

from ecgbatch.imaging.sandbox.parent import Decoded, Limits, Sandbox

__all__ = ["Decoded", "Limits", "Sandbox"]
