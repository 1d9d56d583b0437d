"""From records to the analysis panel, whatever the source."""
