"""Tell the language of short texts: langdetect's profiles evaluated as arrays, and other detectors in the same way.

detectors   the detectors a recipe may name, asked in one way      wanted   the language a prompt asks for
profiles    langdetect's profiles, all n-grams, many texts at once
scripts     the script of a text   grams   n-grams and words   lookup   rows of keys   words.txt   small words
"""
