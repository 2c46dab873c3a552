"""The system under test: crypto units, key management service and the operator's command line."""
