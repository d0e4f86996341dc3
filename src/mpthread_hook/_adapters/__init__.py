"""Third parties that need more than the illusion: Ansible, and the account modules that some platforms lack."""
