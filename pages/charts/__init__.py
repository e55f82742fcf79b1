"""From numbers to Plotly figures: pure functions that neither query nor draw."""
