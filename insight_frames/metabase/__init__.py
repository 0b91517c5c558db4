"""What lives in Metabase itself: saved questions, its own exports, segments and metrics, embedding.

Everything here asks through the connection's session and gives what the rest of the package gives: exact frames, whole
files, or an error that says why. Nothing below it knows that it exists.
"""
