"""A course from the made-up study: assignments, their marking, feedback in plain words.

`assignments` reads what a teacher writes in ``course/``, `build` makes notebooks and autograders of
it by `otter-grader`, `marking` marks a folder of hand-ins with them.
"""
