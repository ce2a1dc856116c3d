"""The words and phrases a goal is made of: tokens, numbers, dates, vocabulary and the rules that read them.

`cmo.domain.goal` and `cmo.domain.follow_up` are the doors; nothing else imports this package.
"""
