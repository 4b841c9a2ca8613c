"""Near-duplicates among millions of rows, on arrays.

corpus       the rows to compare; what a shingle is
postings     which shingle is in which row, spilled to disk by hash
candidates   rows that can have a near-duplicate at all, and the few shingles by which they must meet
decide       which rows stay, in rounds
jaccard      the three above, exact; minhash: datasketch's decisions instead; semantic: by embeddings
said         what a row says; templates: with what differs between copies of one masked
earlier      rows that were there before, of files and of a `store`
evidence     what is said of a row that goes

corpus = Corpus(folder, 3)
corpus.add(texts)
corpus.twins(0.7, rank, counts, family, alone)    which rows go, each with one that stays, and how like they are
"""
