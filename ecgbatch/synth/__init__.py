"""Pages whose truth is known: a simulator, a printer of paper, and damage.

``heart.simulate`` gives a record, ``layouts.layout`` and ``style.style`` say how it is printed,
``paper.render`` prints it, ``damage.damaged`` puts it through a scanner or a phone, and the page's
``truth`` goes along.
"""
