def svg(document): return "<svg/>"
