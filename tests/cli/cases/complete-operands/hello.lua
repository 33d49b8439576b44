print "ran"
