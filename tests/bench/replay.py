REPLAY = "replay"
def measure(samples, bench):
    pass
