"""The web outside of Streamlit: the gate, HTTP routes, sign-in and account pages."""
