"""WeChat's side on your desk: it signs, posts, hangs up, repeats, and shows what users see."""
