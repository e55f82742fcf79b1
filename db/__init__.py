"""Tables, engine, migrations, records and backups; loads neither torch nor streamlit."""
