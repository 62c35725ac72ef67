"""What is sent: real images, damaged ones, and small files that say that they are huge."""
