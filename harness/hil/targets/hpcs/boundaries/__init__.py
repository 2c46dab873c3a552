"""Standing in the middle: total order of events, triggers, proxies and the operator's terminal."""
