#!/bin/sh
# The runtime comes with the package, so that an update of the system's Node changes nothing here.
exec /usr/lib/usher/bin/node --enable-source-maps /usr/lib/usher/dist/src/server.js "$@"
