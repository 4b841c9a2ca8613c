"""Near-duplicates among millions of rows, on arrays: postings -> candidates -> decide.

    rows = Postings(folder)              every row's shingles, spilled
    rows.add(ngrams(tokenise(texts), 3))
    jaccard.find(rows, 0.7, rank)        which rows go, each with the one that stays for it and their exact similarity

`minhash` makes datasketch's decisions instead, for whoever must repeat them.
"""
