"""DNS: whether a mail domain takes mail. Plain look-ups only; no mail server is ever connected to."""
