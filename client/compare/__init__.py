"""One served version of a model beside another: the same images, both answers, what differs."""
