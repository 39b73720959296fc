"""HTTP: the public face of a running shop. One file per noun; `server.create_api` puts them together."""
