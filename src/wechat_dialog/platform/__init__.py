"""WeChat's side on a developer's machine (the "desk"): it signs, posts, hangs up, repeats, and
shows what users see.
"""
