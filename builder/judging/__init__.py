"""Judging: models say how good the answers to a prompt are.

    answers    what is compared: the live answers to each prompt, equal texts once, in an order that favours nobody
    rubric     every answer rated by aspect; the score is a mean of ratings
    pairwise   every two answers compared in both orders; the score is a share of wins
    rounds     asking, and asking again those whose verdict cannot be read

`builder.steps.judge` puts them together.
"""
