mkdir -m 755 st
