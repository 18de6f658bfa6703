"""The MRC 1.0 transport, sans I/O: standard library, NumPy and itself.

One object, `Endpoint`, with five verbs: `post_write`, `frames_to_send(now, room)`, `receive(frames, now)`,
`next_timer()`, `events()`. Time is an argument (integer fabric nanoseconds), randomness is an argument
(`numpy.random.Generator`). The unit of work is a batch of frames held as NumPy columns; a batch of one is
the simple case, not another code path. Section numbers in comments are those of the project's digest of
the OCP specification, Revision 1.0.
"""
