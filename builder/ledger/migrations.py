"""The tables of the ledger. Append only: an entry that was released is never edited.

calls      one row per answered key: the request as it was sent, and the answer
attempts   one row per try, written before the call is made: how it ended and what it used
teachers   who was asked, once each
sessions   one row per process that asked: which build, and whether it still lives
batches    what was handed to a batch API: at which server, under which of our tags, and whether it was collected
batch_requests  requests that lie or lay in a batch and have no answer yet
"""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE calls (
        key TEXT PRIMARY KEY, request TEXT NOT NULL, text TEXT, finish_reason TEXT,
        input_tokens INTEGER, output_tokens INTEGER, answered_at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL, outcome TEXT, detail TEXT
    );
    """,
    # calls: rows are appended and only a slim index is in the order of the keys, which are random: a table clustered
    # by them rewrites a page per answer. `prompt` hashes the messages, to find how long other answers to them were.
    """
    CREATE TABLE calls_2 (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, request TEXT NOT NULL, text TEXT, finish_reason TEXT,
        input_tokens INTEGER, output_tokens INTEGER, answered_at REAL NOT NULL,
        cached_tokens INTEGER, reasoning TEXT, served_by TEXT, prompt INTEGER
    );
    INSERT INTO calls_2 (key, request, text, finish_reason, input_tokens, output_tokens, answered_at)
        SELECT key, request, text, finish_reason, input_tokens, output_tokens, answered_at FROM calls;
    DROP TABLE calls;
    ALTER TABLE calls_2 RENAME TO calls;
    CREATE INDEX calls_by_prompt ON calls (prompt);
    CREATE TABLE teachers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        UNIQUE (name, provider, model));
    CREATE TABLE sessions (id INTEGER PRIMARY KEY, build TEXT, host TEXT NOT NULL, pid INTEGER NOT NULL,
        born TEXT NOT NULL, started_at REAL NOT NULL, seen_at REAL NOT NULL, ended_at REAL);
    CREATE TABLE batches (id INTEGER PRIMARY KEY, teacher INTEGER NOT NULL, url TEXT NOT NULL, tag TEXT NOT NULL UNIQUE,
        remote TEXT, session INTEGER NOT NULL, requests INTEGER NOT NULL, created_at REAL NOT NULL, ended_at REAL,
        outcome TEXT);
    CREATE TABLE batch_requests (key TEXT PRIMARY KEY, request TEXT NOT NULL);
    ALTER TABLE attempts ADD COLUMN session INTEGER;
    ALTER TABLE attempts ADD COLUMN teacher INTEGER;
    ALTER TABLE attempts ADD COLUMN shares INTEGER;
    ALTER TABLE attempts ADD COLUMN batch INTEGER;
    ALTER TABLE attempts ADD COLUMN input_tokens INTEGER;
    ALTER TABLE attempts ADD COLUMN output_tokens INTEGER;
    ALTER TABLE attempts ADD COLUMN cached_tokens INTEGER;
    ALTER TABLE attempts ADD COLUMN usd REAL;
    CREATE INDEX attempts_in_batch ON attempts (batch) WHERE batch IS NOT NULL AND outcome IS NULL;
    CREATE INDEX attempts_without_answer ON attempts (key) WHERE outcome IS NULL OR outcome <> 'answered';
    """,
)
